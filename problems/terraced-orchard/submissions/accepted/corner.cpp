#include <iostream>
int main() {
    int n, h;
    std::cin >> n >> h;
    int row = 1, column = n;
    while (row <= n && column >= 1) {
        std::cout << "? " << row << ' ' << column << std::endl;
        int here;
        std::cin >> here;
        if (here == h) {
            std::cout << "! " << row << ' ' << column << std::endl;
            return 0;
        }
        if (here > h) column--;
        else row++;
    }
    std::cout << "! none" << std::endl;
}
