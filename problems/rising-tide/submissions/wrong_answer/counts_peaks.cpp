// Counts the peaks above the level. Two peaks with a dry valley between them are one island.
#include <algorithm>
#include <iostream>
#include <vector>
int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n, q;
    std::cin >> n >> q;
    std::vector<int> heights(n + 2, -1), peaks;
    for (int i = 1; i <= n; i++) std::cin >> heights[i];
    for (int i = 1; i <= n; i++)
        if (heights[i] > heights[i - 1] && heights[i] >= heights[i + 1]) peaks.push_back(heights[i]);
    std::sort(peaks.begin(), peaks.end());
    for (int level; q-- && std::cin >> level;)
        std::cout << peaks.end() - std::lower_bound(peaks.begin(), peaks.end(), level) << '\n';
}
