// Walks to the kiosk for each single bottle.
#include <iostream>
int main() {
    int q;
    std::cin >> q;
    for (long long n, k; q-- && std::cin >> n >> k;) {
        volatile long long drunk = n;
        for (long long empty = n; empty >= k; empty -= k - 1) drunk = drunk + 1;
        std::cout << drunk << '\n';
    }
}
