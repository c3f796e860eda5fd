// Drinks all, swaps all, and so on: the bottles become fewer by a factor each time.
#include <iostream>
int main() {
    int q;
    std::cin >> q;
    for (long long n, k; q-- && std::cin >> n >> k;) {
        long long drunk = n, empty = n;
        while (empty >= k) {
            long long full = empty / k;
            drunk += full;
            empty = empty % k + full;
        }
        std::cout << drunk << '\n';
    }
}
