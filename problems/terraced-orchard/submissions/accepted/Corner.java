import java.util.Scanner;

/** From the bottom left corner. */
public class Corner {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        int n = in.nextInt(), h = in.nextInt(), row = n, column = 1;
        String answer = "! none";
        while (row >= 1 && column <= n) {
            System.out.println("? " + row + " " + column);
            System.out.flush();
            int here = in.nextInt();
            if (here == h) {
                answer = "! " + row + " " + column;
                break;
            }
            if (here > h) row--;
            else column++;
        }
        System.out.println(answer);
        System.out.flush();
    }
}
