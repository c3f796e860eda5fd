import java.util.Arrays;
import java.util.Scanner;

public class Guard {
    static int n;
    static int[] s, e;
    static int[][] way, known;

    /** The earliest minute at which the rooms of `set` can have been checked, `last` as the last of them. */
    static int earliest(int set, int last) {
        if (known[set][last] >= 0) return known[set][last];
        int before = set & ~(1 << last), there = Integer.MAX_VALUE;
        if (before == 0) there = way[0][last + 1];
        for (int room = 0; room < n; room++) {
            if ((before >> room & 1) == 0) continue;
            int minute = earliest(before, room);
            if (minute < Integer.MAX_VALUE) there = Math.min(there, minute + way[room + 1][last + 1]);
        }
        return known[set][last] = there > e[last] ? Integer.MAX_VALUE : Math.max(there, s[last]);
    }

    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        n = in.nextInt();
        s = new int[n];
        e = new int[n];
        for (int i = 0; i < n; i++) {
            s[i] = in.nextInt();
            e[i] = in.nextInt();
        }
        way = new int[n + 1][n + 1];
        for (int[] row : way) for (int b = 0; b <= n; b++) row[b] = in.nextInt();
        for (int via = 0; via <= n; via++)
            for (int a = 0; a <= n; a++)
                for (int b = 0; b <= n; b++) way[a][b] = Math.min(way[a][b], way[a][via] + way[via][b]);
        known = new int[1 << n][n];
        for (int[] row : known) Arrays.fill(row, -1);
        int best = Integer.MAX_VALUE;
        for (int last = 0; last < n; last++) best = Math.min(best, earliest((1 << n) - 1, last));
        System.out.println(best < Integer.MAX_VALUE ? String.valueOf(best) : "alarm");
    }
}
