// Tries the rooms in every order.
#include <algorithm>
#include <iostream>
#include <numeric>
#include <vector>
int main() {
    int n;
    std::cin >> n;
    std::vector<int> s(n), e(n), order(n);
    for (int i = 0; i < n; i++) std::cin >> s[i] >> e[i];
    std::vector<std::vector<int>> way(n + 1, std::vector<int>(n + 1));
    for (auto &row : way)
        for (int &minutes : row) std::cin >> minutes;
    for (int via = 0; via <= n; via++)
        for (int a = 0; a <= n; a++)
            for (int b = 0; b <= n; b++) way[a][b] = std::min(way[a][b], way[a][via] + way[via][b]);
    std::iota(order.begin(), order.end(), 0);
    const int never = 1 << 30;
    int best = never;
    do {
        int minute = 0, at = 0;
        for (int room : order) {
            minute = std::max(s[room], minute + way[at][room + 1]);
            at = room + 1;
            if (minute > e[room]) minute = never / 2;
        }
        if (minute < never / 2) best = std::min(best, minute);
    } while (std::next_permutation(order.begin(), order.end()));
    if (best < never) std::cout << best << '\n';
    else std::cout << "alarm\n";
}
