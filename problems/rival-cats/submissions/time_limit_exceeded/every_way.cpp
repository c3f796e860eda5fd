// Tries all ways to fill the rooms.
#include <iostream>
#include <string>
#include <vector>
int n, m;
std::vector<std::vector<int>> rivals;
std::string room;
bool content() {
    for (int cat = 0; cat < n; cat++) {
        size_t same = 0;
        for (int other : rivals[cat]) same += room[other] == room[cat];
        if (same * 2 > rivals[cat].size()) return false;
    }
    return true;
}
bool fill(int cat) {
    if (cat == n) return content();
    for (char letter : {'A', 'B'}) {
        room[cat] = letter;
        if (fill(cat + 1)) return true;
    }
    return false;
}
int main() {
    std::cin >> n >> m;
    rivals.resize(n);
    room.resize(n);
    for (int i = 0, a, b; i < m && std::cin >> a >> b; i++) {
        rivals[a - 1].push_back(b - 1);
        rivals[b - 1].push_back(a - 1);
    }
    fill(0);
    std::cout << room << '\n';
}
