import java.io.*;
import java.util.*;

public class Ferries {
    public static void main(String[] args) throws IOException {
        StreamTokenizer in = new StreamTokenizer(new BufferedInputStream(System.in));
        in.nextToken();
        int n = (int) in.nval;
        in.nextToken();
        int m = (int) in.nval;
        in.nextToken();
        int k = (int) in.nval;
        List<List<int[]>> ways = new ArrayList<>();
        for (int i = 0; i < n; i++) ways.add(new ArrayList<>());
        for (int i = 0; i < m; i++) {
            in.nextToken();
            int a = (int) in.nval - 1;
            in.nextToken();
            int b = (int) in.nval - 1;
            in.nextToken();
            int price = (int) in.nval;
            ways.get(a).add(new int[] {b, price});
            ways.get(b).add(new int[] {a, price});
        }
        long[] cost = new long[n * (k + 1)];
        Arrays.fill(cost, Long.MAX_VALUE);
        cost[0] = 0;
        PriorityQueue<long[]> queue = new PriorityQueue<>((x, y) -> Long.compare(x[0], y[0]));
        queue.add(new long[] {0, 0});
        while (!queue.isEmpty()) {
            long[] top = queue.poll();
            int state = (int) top[1], at = state / (k + 1), used = state % (k + 1);
            if (top[0] > cost[state]) continue;
            if (at == n - 1) {
                System.out.println(top[0]);
                return;
            }
            for (int[] way : ways.get(at)) {
                int to = way[0] * (k + 1) + used;
                if (top[0] + way[1] < cost[to]) {
                    cost[to] = top[0] + way[1];
                    queue.add(new long[] {cost[to], to});
                }
                if (used < k && top[0] < cost[to + 1]) {
                    cost[to + 1] = top[0];
                    queue.add(new long[] {cost[to + 1], to + 1});
                }
            }
        }
        System.out.println(-1);
    }
}
