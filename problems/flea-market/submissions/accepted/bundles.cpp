#include <algorithm>
#include <iostream>
#include <vector>
int main() {
    int n, load;
    std::cin >> n >> load;
    std::vector<long long> best(load + 1);
    for (long long weight, price, count; n-- && std::cin >> weight >> price >> count;) {
        count = std::min(count, load / weight);
        for (long long size = 1; count; size *= 2) {
            size = std::min(size, count);
            count -= size;
            for (int at = load; at >= size * weight; at--)
                best[at] = std::max(best[at], best[at - size * weight] + size * price);
        }
    }
    std::cout << best[load] << '\n';
}
