// When the stretch is no longer calm, it begins a new one at the current minute and forgets the minutes before.
#include <algorithm>
#include <iostream>
int main() {
    int n, allowed, first = 0, longest = 0, begin = 0, low = 0, high = 0;
    std::cin >> n >> allowed;
    for (int now = 0, height; now < n && std::cin >> height; now++) {
        low = now ? std::min(low, height) : height;
        high = now ? std::max(high, height) : height;
        if (high - low > allowed) first = now, low = high = height;
        if (now - first + 1 > longest) longest = now - first + 1, begin = first;
    }
    std::cout << longest << ' ' << begin + 1 << '\n';
}
