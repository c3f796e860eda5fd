// Compile service for Java: reads requests from standard input and writes replies to standard output until end of
// input.
//
// It does what the command `javac` does, with the same entry point, in the working directory. Between requests, it keeps only data that is
// expensive to create and contains no user data: the compiler's own classes, compiled to machine code, and the open image of the platform's
// classes. No user code runs here: annotation processing is off, and requests with files that could be annotation processors or prebuilt
// class files are declined. All files of a request are deleted before the reply is sent.
//
// All numbers are big-endian; all texts are UTF-8 and preceded by their length. A message is its length (u32), then:
//   request: number of arguments (u32), arguments; number of files (u32), path and contents of each
//   reply:   0 = compiled, 1 = declined: run the compile command (u8); exit code (u32); CPU time in ns (u64); compiler
//            output; number of files (u32), path and contents of each new or changed file
// Any error ends the process; the caller then runs the compile command.

import com.sun.tools.javac.file.JavacFileManager;
import com.sun.tools.javac.main.Main;
import com.sun.tools.javac.util.Context;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.tools.JavaFileManager;

public final class WarmCompiler {
    private static final int MESSAGE_BYTES_MAX = 64 << 20;
    private static final int FILES_MAX = 4096;
    /** Smaller than the stack of the javac command, so a source that is too deeply nested for javac also fails here and is declined. */
    private static final long STACK_BYTES = 512 << 10;
    private static final List<String> OPTIONS = List.of("-proc:none", "-encoding", "UTF-8", "-d", ".");
    private static final Path HERE = Path.of("");

    private final com.sun.management.OperatingSystemMXBean system =
        (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    private JavacFileManager platform;

    private record Reply(int exitCode, byte[] output, List<Path> files) {}

    public static void main(String[] args) throws Exception {
        DataInputStream in = new DataInputStream(System.in);
        DataOutputStream out = new DataOutputStream(System.out);
        // Output of the compiler on standard output would corrupt the reply.
        System.setOut(new PrintStream(System.err, true));
        System.setIn(InputStream.nullInputStream());
        clear();
        WarmCompiler compiler = new WarmCompiler();
        for (int length; (length = begin(in)) >= 0; ) {
            byte[] reply = compiler.serve(in, length);
            out.writeInt(reply.length);
            out.write(reply);
            out.flush();
        }
    }

    private static int begin(DataInputStream in) throws IOException {
        int first = in.read();
        if (first < 0) return -1;
        int length = first << 24 | in.readUnsignedByte() << 16 | in.readUnsignedShort();
        if (length < 0 || length > MESSAGE_BYTES_MAX) throw new IOException("invalid message length");
        return length;
    }

    private byte[] serve(DataInputStream stream, int length) throws IOException {
        long cpuBefore = system.getProcessCpuTime();
        byte[] message = stream.readNBytes(length);
        if (message.length < length) throw new IOException("truncated message");
        DataInputStream in = new DataInputStream(new java.io.ByteArrayInputStream(message));
        List<String> options = optionsOf(in);
        Reply reply = null;
        Map<Path, byte[]> given = new HashMap<>();
        boolean harmless = write(in, given);
        if (options != null && harmless) reply = compile(options, given);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        out.writeByte(reply == null ? 1 : 0);
        out.writeInt(reply == null ? 0 : reply.exitCode);
        out.writeLong(system.getProcessCpuTime() - cpuBefore);
        block(out, reply == null ? new byte[0] : reply.output);
        out.writeInt(reply == null ? 0 : reply.files.size());
        if (reply != null) {
            for (Path file : reply.files) {
                block(out, file.toString().getBytes(StandardCharsets.UTF_8));
                block(out, Files.readAllBytes(file));
            }
        }
        clear();
        return bytes.toByteArray();
    }

    /** The options, if the command line has the supported form; null for any other form. */
    private static List<String> optionsOf(DataInputStream in) throws IOException {
        int count = in.readInt();
        List<String> options = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String argument = new String(block(in), StandardCharsets.UTF_8);
            // Skip the command and the options for its own virtual machine.
            if (i == 0 || argument.startsWith("-J")) continue;
            options.add(argument);
        }
        int given = Math.min(OPTIONS.size(), options.size());
        boolean known = options.size() > given && options.subList(0, given).equals(OPTIONS);
        for (String source : options.subList(given, options.size())) {
            known &= !source.startsWith("-") && !source.startsWith("@") && source.endsWith(".java");
        }
        return known ? options : null;
    }

    /** Writes the files of a request. Returns false if a file could make the compiler do more than compile. */
    private static boolean write(DataInputStream in, Map<Path, byte[]> given) throws IOException {
        int count = in.readInt();
        if (count < 0 || count > FILES_MAX) throw new IOException("invalid number of files");
        boolean harmless = true;
        for (int i = 0; i < count; i++) {
            String name = new String(block(in), StandardCharsets.UTF_8);
            byte[] contents = block(in);
            Path path = Path.of(name);
            if (path.isAbsolute() || !path.equals(path.normalize()) || path.startsWith("..")) {
                throw new IOException("path outside the working directory");
            }
            harmless &= !name.endsWith(".class") && !name.endsWith(".jar") && !path.startsWith("META-INF");
            if (path.getParent() != null) Files.createDirectories(path.getParent());
            Files.write(path, contents, java.nio.file.StandardOpenOption.CREATE_NEW, java.nio.file.StandardOpenOption.WRITE);
            given.put(path, contents);
        }
        return harmless;
    }

    private Reply compile(List<String> options, Map<Path, byte[]> given) throws IOException {
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        Main.Result[] result = new Main.Result[1];
        Thread thread = new Thread(null, () -> {
            PrintWriter printer = new PrintWriter(new OutputStreamWriter(printed, Charset.defaultCharset()), true);
            Context context = new Context();
            if (platform == null) platform = new JavacFileManager(context, true, null);
            else context.put(JavaFileManager.class, platform);
            result[0] = new Main("javac", printer).compile(options.toArray(String[]::new), context);
            printer.flush();
        }, "compiler", STACK_BYTES);
        thread.start();
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
        // Out of memory, stack overflow, a compiler bug or a wrong command line: decline, so that the compile command
        // reports it.
        if (result[0] != Main.Result.OK && result[0] != Main.Result.ERROR) {
            platform = null;
            return null;
        }
        List<Path> made = new ArrayList<>();
        try (Stream<Path> all = Files.walk(HERE)) {
            for (Path path : (Iterable<Path>) all::iterator) {
                if (!Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)) continue;
                byte[] before = given.get(path);
                if (before == null || !Arrays.equals(before, Files.readAllBytes(path))) made.add(path);
            }
        }
        return new Reply(result[0].exitCode, printed.toByteArray(), made);
    }

    /** Empties the working directory; a failure ends the process. */
    private static void clear() throws IOException {
        try (Stream<Path> all = Files.walk(HERE)) {
            for (Path path : (Iterable<Path>) all.sorted(java.util.Comparator.reverseOrder())::iterator) {
                if (!path.equals(HERE)) Files.delete(path);
            }
        }
    }

    private static byte[] block(DataInputStream in) throws IOException {
        int length = in.readInt();
        if (length < 0 || length > in.available()) throw new IOException("truncated text");
        return in.readNBytes(length);
    }

    private static void block(DataOutputStream out, byte[] bytes) throws IOException {
        out.writeInt(bytes.length);
        out.write(bytes);
    }
}
