// Walks along the reef for every level: 25 points.
#include <iostream>
#include <vector>
int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n, q;
    std::cin >> n >> q;
    std::vector<int> heights(n);
    for (int &height : heights) std::cin >> height;
    for (int level; q-- && std::cin >> level;) {
        int islands = 0;
        bool before = false;
        for (int height : heights) {
            bool dry = height >= level;
            if (dry && !before) islands++;
            before = dry;
        }
        std::cout << islands << '\n';
    }
}
