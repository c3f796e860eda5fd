// The sum does not fit in 32 bits.
#include <algorithm>
#include <iostream>
#include <vector>
int main() {
    int n, load;
    std::cin >> n >> load;
    std::vector<unsigned> best(load + 1);
    for (int weight, price, count; n-- && std::cin >> weight >> price >> count;) {
        count = std::min(count, load / weight);
        for (int size = 1; count; size *= 2) {
            size = std::min(size, count);
            count -= size;
            for (int at = load; at >= size * weight; at--)
                best[at] = std::max(best[at], best[at - size * weight] + (unsigned)size * price);
        }
    }
    std::cout << best[load] << '\n';
}
