import java.util.PriorityQueue;

public class Lockers {
    private final int[] sums;
    private final boolean[] taken;
    private final PriorityQueue<Integer> free = new PriorityQueue<>();
    private int next = 1;

    public Lockers(int count) {
        sums = new int[count + 1];
        taken = new boolean[count + 1];
    }

    private void set(int locker, boolean value) {
        taken[locker] = value;
        for (int at = locker; at < sums.length; at += at & -at) sums[at] += value ? 1 : -1;
    }

    private int first(int high) {
        int total = 0;
        for (int at = high; at > 0; at -= at & -at) total += sums[at];
        return total;
    }

    public int take() {
        if (free.isEmpty() && next == taken.length) return -1;
        int locker = free.isEmpty() ? next++ : free.poll();
        set(locker, true);
        return locker;
    }

    public boolean giveBack(int locker) {
        if (!taken[locker]) return false;
        set(locker, false);
        return free.add(locker);
    }

    public int busy(int low, int high) {
        return first(high) - first(low - 1);
    }
}
