// Takes each single thing for a kind of its own.
#include <algorithm>
#include <iostream>
#include <vector>
int main() {
    int n, load;
    std::cin >> n >> load;
    std::vector<long long> best(load + 1);
    for (long long weight, price, count; n-- && std::cin >> weight >> price >> count;)
        for (count = std::min(count, load / weight); count; count--)
            for (int at = load; at >= weight; at--) best[at] = std::max(best[at], best[at - weight] + price);
    std::cout << best[load] << '\n';
}
