// Looks at all people before each one: 55 points.
#include <algorithm>
#include <iostream>
#include <vector>
std::vector<int> rising(const std::vector<int> &heights) {
    std::vector<int> longest(heights.size(), 1);
    for (size_t i = 0; i < heights.size(); i++)
        for (size_t j = 0; j < i; j++)
            if (heights[j] < heights[i]) longest[i] = std::max(longest[i], longest[j] + 1);
    return longest;
}
int main() {
    int n;
    std::cin >> n;
    std::vector<int> heights(n);
    for (int &height : heights) std::cin >> height;
    auto up = rising(heights);
    std::reverse(heights.begin(), heights.end());
    auto down = rising(heights);
    int best = 0;
    for (int i = 0; i < n; i++) best = std::max(best, up[i] + down[n - 1 - i] - 1);
    std::cout << best << '\n';
}
