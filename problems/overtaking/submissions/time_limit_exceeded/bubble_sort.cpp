// Lets the skiers change places one by one.
#include <iostream>
#include <utility>
#include <vector>
int main() {
    int n, who = 1;
    std::cin >> n;
    std::vector<int> order(n), overtaken(n + 1);
    for (int &skier : order) std::cin >> skier;
    long long total = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i + 1 < n; i++)
            if (order[i] > order[i + 1]) {
                overtaken[order[i + 1]]++;
                std::swap(order[i], order[i + 1]);
                total++;
                moved = true;
            }
    }
    for (int skier = 2; skier <= n; skier++)
        if (overtaken[skier] > overtaken[who]) who = skier;
    std::cout << total << ' ' << who << '\n';
}
