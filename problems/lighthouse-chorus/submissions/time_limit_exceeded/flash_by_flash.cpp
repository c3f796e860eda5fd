// Joins the lights one by one, but tries the common flashes so far in turn.
#include <iostream>
#include <numeric>
int main() {
    int n;
    std::cin >> n;
    long long now = 0, every = 1;
    for (long long first, period; n-- && std::cin >> first >> period;) {
        long long rest = period / std::gcd(every, period), tries = 0;
        for (; now % period != first && tries < rest; tries++) now += every;
        if (tries == rest) {
            std::cout << "never\n";
            return 0;
        }
        every *= rest;
    }
    std::cout << now << '\n';
}
