// Multiplies numbers up to the common multiple with each other, which does not fit in 64 bits.
#include <iostream>
#include <numeric>
long long inverse(long long a, long long m) {
    long long b = m, x = 1, u = 0;
    while (b) {
        long long q = a / b;
        a -= q * b, std::swap(a, b);
        x -= q * u, std::swap(x, u);
    }
    return (x % m + m) % m;
}
int main() {
    int n;
    std::cin >> n;
    long long now = 0, every = 1;
    for (long long first, period; n-- && std::cin >> first >> period;) {
        long long shared = std::gcd(every, period), rest = period / shared, all = every * rest;
        if ((first - now) % shared) {
            std::cout << "never\n";
            return 0;
        }
        long long step = rest > 1 ? inverse(every / shared % rest, rest) : 0;
        unsigned long long times = (unsigned long long)((first - now) / shared) * every * step;
        now = ((now + (long long)times) % all + all) % all;
        every = all;
    }
    std::cout << now << '\n';
}
