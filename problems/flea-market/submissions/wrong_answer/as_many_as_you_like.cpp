// Forgets that there are only so many things of a kind.
#include <algorithm>
#include <iostream>
#include <vector>
int main() {
    int n, load;
    std::cin >> n >> load;
    std::vector<long long> best(load + 1);
    for (long long weight, price, count; n-- && std::cin >> weight >> price >> count;)
        for (int at = weight; at <= load; at++) best[at] = std::max(best[at], best[at - weight] + price);
    std::cout << best[load] << '\n';
}
