// Lets the water fall: fields come up in falling order, and each joins the islands beside it.
#include <algorithm>
#include <iostream>
#include <numeric>
#include <vector>
int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n, q;
    std::cin >> n >> q;
    std::vector<int> heights(n), levels(q), fields(n), questions(q), answers(q);
    for (int &height : heights) std::cin >> height;
    for (int &level : levels) std::cin >> level;
    std::iota(fields.begin(), fields.end(), 0);
    std::iota(questions.begin(), questions.end(), 0);
    std::sort(fields.begin(), fields.end(), [&](int a, int b) { return heights[a] > heights[b]; });
    std::sort(questions.begin(), questions.end(), [&](int a, int b) { return levels[a] > levels[b]; });
    std::vector<bool> dry(n + 2);
    int islands = 0;
    size_t up = 0;
    for (int question : questions) {
        for (; up < fields.size() && heights[fields[up]] >= levels[question]; up++) {
            int field = fields[up] + 1;
            islands += 1 - dry[field - 1] - dry[field + 1];
            dry[field] = true;
        }
        answers[question] = islands;
    }
    for (int answer : answers) std::cout << answer << '\n';
}
