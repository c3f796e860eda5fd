// Walks on from every minute for as long as it is calm.
#include <algorithm>
#include <iostream>
#include <vector>
int main() {
    int n, allowed, longest = 0, begin = 0;
    std::cin >> n >> allowed;
    std::vector<int> heights(n);
    for (int &height : heights) std::cin >> height;
    for (int first = 0; first < n; first++) {
        int low = heights[first], high = heights[first], end = first;
        while (end < n) {
            low = std::min(low, heights[end]);
            high = std::max(high, heights[end]);
            if (high - low > allowed) break;
            end++;
        }
        if (end - first > longest) longest = end - first, begin = first;
    }
    std::cout << longest << ' ' << begin + 1 << '\n';
}
