#include <iostream>
#include <set>
#include <vector>
int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n, allowed;
    std::cin >> n >> allowed;
    std::vector<int> heights(n);
    for (int &height : heights) std::cin >> height;
    std::multiset<int> window;
    int first = 0, longest = 0, begin = 0;
    for (int now = 0; now < n; now++) {
        window.insert(heights[now]);
        while (*window.rbegin() - *window.begin() > allowed) window.erase(window.find(heights[first++]));
        if (now - first + 1 > longest) longest = now - first + 1, begin = first;
    }
    std::cout << longest << ' ' << begin + 1 << '\n';
}
