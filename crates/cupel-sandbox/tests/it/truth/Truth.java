import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;

/**
 * Programs that measure their own usage: {@code memory BYTES} is the memory of this process that is not backed by a
 * file on disk.
 */
public class Truth {
    static volatile long sink;

    static void burn(long ms) {
        long until = System.nanoTime() + ms * 1_000_000;
        while (System.nanoTime() < until) sink++;
    }

    /** The maximum of several readings, because the JVM itself allocates and frees memory at any time. */
    static long held() throws Exception {
        long most = 0;
        for (int look = 0; look < 5; look++) most = Math.max(most, heldNow());
        return most;
    }

    static long heldNow() throws Exception {
        long bytes = 0;
        for (String path : new String[] {"/proc/self/smaps_rollup", "/proc/self/status"})
            for (String line : Files.readAllLines(Path.of(path)))
                if (line.startsWith("Anonymous:") || line.startsWith("Pss_Shmem:") || line.startsWith("VmPTE:"))
                    bytes += Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024;
        return bytes;
    }

    static void cpu(String what, long ms) throws Exception {
        switch (what) {
            case "spin" -> burn(ms);
            case "threads" -> {
                Thread[] threads = new Thread[4];
                for (int i = 0; i < 4; i++) (threads[i] = new Thread(() -> burn(ms))).start();
                for (Thread thread : threads) thread.join();
            }
        }
    }

    static void memory(String what, int mib) throws Exception {
        switch (what) {
            case "heap" -> {
                byte[][] kept = new byte[mib][];
                // The JVM writes zeros over all of it.
                for (int i = 0; i < mib; i++) kept[i] = new byte[1 << 20];
                System.out.println("memory " + held());
                sink = kept.length;
            }
            case "direct" -> {
                ByteBuffer kept = ByteBuffer.allocateDirect(mib << 20);
                for (int at = 0; at < mib << 20; at += 4096) kept.put(at, (byte) 1);
                System.out.println("memory " + held());
                sink = kept.capacity();
            }
        }
    }

    static int deep(int n) {
        return deep(n + 1) + 1;
    }

    static void end(String how, int n) throws Exception {
        switch (how) {
            case "exit" -> System.exit(n);
            case "halt" -> Runtime.getRuntime().halt(n);
            case "exception" -> throw new IllegalStateException("of its own");
            case "stack" -> deep(0);
            case "heap" -> {
                ArrayList<byte[]> hoard = new ArrayList<>();
                for (;;) hoard.add(new byte[1 << 20]);
            }
            case "signal" ->
                new ProcessBuilder("kill", "-" + n, Long.toString(ProcessHandle.current().pid())).start().waitFor();
        }
        Thread.sleep(60_000);
    }

    static void forever(String what) throws Exception {
        System.out.println("begun");
        switch (what) {
            case "spin" -> { for (;;) sink++; }
            case "sleep" -> { for (;;) Thread.sleep(3_600_000); }
            case "memory" -> {
                ArrayList<ByteBuffer> hoard = new ArrayList<>();
                for (;;) {
                    ByteBuffer more = ByteBuffer.allocateDirect(1 << 20);
                    for (int at = 0; at < 1 << 20; at += 4096) more.put(at, (byte) 1);
                    hoard.add(more);
                }
            }
            case "output" -> { for (;;) System.out.println("and on and on and on and on and on"); }
        }
    }

    public static void main(String[] args) throws Exception {
        int n = args.length > 2 ? Integer.parseInt(args[2]) : 0;
        switch (args[0]) {
            case "cpu" -> cpu(args[1], n);
            case "memory" -> memory(args[1], n);
            case "end" -> end(args[1], n);
            case "forever" -> forever(args[1]);
        }
    }
}
