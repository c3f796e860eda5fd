// Throws the bottles away that are left over in a round.
#include <iostream>
int main() {
    int q;
    std::cin >> q;
    for (long long n, k; q-- && std::cin >> n >> k;) {
        long long drunk = 0;
        for (; n; n /= k) drunk += n;
        std::cout << drunk << '\n';
    }
}
