#include <iostream>
#include <utility>
// The greatest common divisor of a and b, and x with a x = gcd (mod b).
std::pair<long long, long long> euclid(long long a, long long b) {
    long long x = 1, u = 0;
    while (b) {
        long long q = a / b;
        a -= q * b, std::swap(a, b);
        x -= q * u, std::swap(x, u);
    }
    return {a, x};
}
int main() {
    int n;
    std::cin >> n;
    long long now = 0, every = 1;
    for (long long first, period; n-- && std::cin >> first >> period;) {
        auto [shared, inverse] = euclid(every % period, period);
        if ((first - now) % shared) {
            std::cout << "never\n";
            return 0;
        }
        long long rest = period / shared;
        long long times = (first - now) / shared % rest * (inverse % rest) % rest;
        now += every * ((times + rest) % rest);
        every *= rest;
    }
    std::cout << now << '\n';
}
