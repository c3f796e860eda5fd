// Sorts by merging; whoever comes out of the right half is behind all that remain of the left one.
#include <iostream>
#include <vector>
std::vector<int> order, space;
std::vector<int> overtaken;
void sort(int from, int to) {
    if (to - from < 2) return;
    int middle = (from + to) / 2;
    sort(from, middle);
    sort(middle, to);
    for (int left = from, right = middle, at = from; at < to; at++) {
        if (right == to || (left < middle && order[left] < order[right])) space[at] = order[left++];
        else overtaken[order[right]] += middle - left, space[at] = order[right++];
    }
    for (int at = from; at < to; at++) order[at] = space[at];
}
int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n, who = 1;
    std::cin >> n;
    order.resize(n);
    space.resize(n);
    overtaken.resize(n + 1);
    for (int &skier : order) std::cin >> skier;
    sort(0, n);
    long long total = 0;
    for (int skier = 1; skier <= n; skier++) {
        total += overtaken[skier];
        if (overtaken[skier] > overtaken[who]) who = skier;
    }
    std::cout << total << ' ' << who << '\n';
}
