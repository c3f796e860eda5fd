#include <bits/stdc++.h>
using namespace std;

class Solution {
    static constexpr long long NEVER = -1e18;
    size_t most;

    vector<long long> joined(const vector<long long> &a, const vector<long long> &b) const {
        vector<long long> both(min(a.size() + b.size() - 1, most), NEVER);
        for (size_t i = 0; i < a.size(); i++)
            for (size_t j = 0; j < b.size() && i + j < both.size(); j++) both[i + j] = max(both[i + j], a[i] + b[j]);
        return both;
    }

    // The best of what is from here on up, by the number of owls: at any rate, and with this hollow empty.
    pair<vector<long long>, vector<long long>> visit(TreeNode<int> *node) const {
        if (!node) return {{0}, {0}};
        auto [left, left_empty] = visit(node->left);
        auto [right, right_empty] = visit(node->right);
        vector<long long> empty = joined(left, right);
        vector<long long> full = joined(joined(left_empty, right_empty), {NEVER, node->val});
        full.resize(max(full.size(), empty.size()), NEVER);
        for (size_t i = 0; i < empty.size(); i++) full[i] = max(full[i], empty[i]);
        return {full, empty};
    }

public:
    long long owlTree(TreeNode<int> *tree, int owls) {
        most = owls + 1;
        auto all = visit(tree).first;
        return *max_element(all.begin(), all.end());
    }
};
