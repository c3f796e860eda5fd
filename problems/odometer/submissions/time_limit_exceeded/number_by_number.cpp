// Looks at every number from a to b.
#include <iostream>
int main() {
    int q;
    std::cin >> q;
    for (long long a, b, m; q-- && std::cin >> a >> b >> m;) {
        long long total = 0;
        for (long long n = a; n <= b; n++) {
            int sum = 0, before = -1;
            long long left = n;
            for (; left && left % 10 != before; left /= 10) sum += before = left % 10;
            total += !left && sum % m == 0;
        }
        std::cout << total << '\n';
    }
}
