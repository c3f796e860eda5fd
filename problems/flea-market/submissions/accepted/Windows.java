import java.util.Scanner;

/** For each remainder of the load by the weight: the best of the last `count` + 1 places, in a queue that falls. */
public class Windows {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        int n = in.nextInt(), load = in.nextInt();
        long[] best = new long[load + 1], next = new long[load + 1], value = new long[load + 1];
        int[] place = new int[load + 1];
        while (n-- > 0) {
            int weight = in.nextInt();
            long price = in.nextLong();
            int count = in.nextInt();
            for (int rest = 0; rest < weight && rest <= load; rest++) {
                int head = 0, tail = 0;
                for (int k = 0, at = rest; at <= load; k++, at += weight) {
                    long without = best[at] - k * price;
                    while (tail > head && value[tail - 1] <= without) tail--;
                    value[tail] = without;
                    place[tail++] = k;
                    if (place[head] < k - (long) count) head++;
                    next[at] = value[head] + k * price;
                }
            }
            long[] swap = best;
            best = next;
            next = swap;
        }
        System.out.println(best[load]);
    }
}
