// The longest rising row that ends below a height, in a Fenwick tree over the ranks of the heights.
#include <algorithm>
#include <iostream>
#include <vector>
std::vector<int> rising(const std::vector<int> &ranks) {
    std::vector<int> tree(ranks.size() + 2), longest;
    for (int rank : ranks) {
        int best = 0;
        for (int i = rank; i > 0; i -= i & -i) best = std::max(best, tree[i]);
        longest.push_back(best + 1);
        for (size_t i = rank + 1; i < tree.size(); i += i & -i) tree[i] = std::max(tree[i], best + 1);
    }
    return longest;
}
int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n;
    std::cin >> n;
    std::vector<int> heights(n);
    for (int &height : heights) std::cin >> height;
    std::vector<int> sorted = heights;
    std::sort(sorted.begin(), sorted.end());
    for (int &height : heights) height = std::lower_bound(sorted.begin(), sorted.end(), height) - sorted.begin();
    auto up = rising(heights);
    std::reverse(heights.begin(), heights.end());
    auto down = rising(heights);
    int best = 0;
    for (int i = 0; i < n; i++) best = std::max(best, up[i] + down[n - 1 - i] - 1);
    std::cout << best << '\n';
}
