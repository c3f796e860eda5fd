// Counts the peaks above the level. Two peaks with a dry valley between them are one island.
#include <iostream>
#include <vector>
int main() {
    int n, q;
    std::cin >> n >> q;
    std::vector<int> heights(n + 2, -1);
    for (int i = 1; i <= n; i++) std::cin >> heights[i];
    for (int level; q-- && std::cin >> level;) {
        int peaks = 0;
        for (int i = 1; i <= n; i++) peaks += heights[i] >= level && heights[i] > heights[i - 1] && heights[i] >= heights[i + 1];
        std::cout << peaks << '\n';
    }
}
