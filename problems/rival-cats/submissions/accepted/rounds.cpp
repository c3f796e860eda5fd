// Goes round all cats until nobody moves any more.
#include <iostream>
#include <string>
#include <vector>
int main() {
    int n, m;
    std::cin >> n >> m;
    std::vector<std::vector<int>> rivals(n);
    for (int a, b; m-- && std::cin >> a >> b;) {
        rivals[a - 1].push_back(b - 1);
        rivals[b - 1].push_back(a - 1);
    }
    std::string room(n, 'A');
    for (bool moved = true; moved;) {
        moved = false;
        for (int cat = 0; cat < n; cat++) {
            size_t same = 0;
            for (int other : rivals[cat]) same += room[other] == room[cat];
            if (same * 2 > rivals[cat].size()) room[cat] ^= 'A' ^ 'B', moved = true;
        }
    }
    std::cout << room << '\n';
}
