// Takes the last row that does not begin above h for the only one that can hold it.
#include <iostream>
int ask(int row, int column) {
    std::cout << "? " << row << ' ' << column << std::endl;
    int here;
    std::cin >> here;
    return here;
}
int main() {
    int n, h, row = 0;
    std::cin >> n >> h;
    while (row < n && ask(row + 1, 1) <= h) row++;
    for (int column = 1; row >= 1 && column <= n; column++) {
        if (column * 2 > n * 2 - row) break;
        if (ask(row, column) == h) {
            std::cout << "! " << row << ' ' << column << std::endl;
            return 0;
        }
    }
    std::cout << "! none" << std::endl;
}
