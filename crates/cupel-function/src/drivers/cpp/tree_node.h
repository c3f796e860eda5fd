template <class T>
struct TreeNode {
    T val;
    TreeNode *left, *right;
    TreeNode() : val(), left(nullptr), right(nullptr) {}
    TreeNode(T val) : val(val), left(nullptr), right(nullptr) {}
    TreeNode(T val, TreeNode *left, TreeNode *right) : val(val), left(left), right(right) {}
};

namespace cupel_driver {

template <class T>
struct Codec<TreeNode<T> *> {
    static TreeNode<T> *read(Reader &in) {
        std::vector<TreeNode<T> *> parents;
        long long count = in.integer();
        for (long long i = 0; i < count; i++) {
            if (in.integer() == 0) continue;
            TreeNode<T> *node = new TreeNode<T>(Codec<T>::read(in));
            parents.push_back(node);
            if (i == 0) continue;
            TreeNode<T> *parent = parents[static_cast<std::size_t>((i - 1) / 2)];
            (i % 2 == 1 ? parent->left : parent->right) = node;
        }
        return parents.empty() ? nullptr : parents[0];
    }
    static void write(const TreeNode<T> *root, Writer &to) {
        std::vector<const TreeNode<T> *> places;
        if (root) places.push_back(root);
        std::size_t nodes = 0;
        for (std::size_t i = 0; i < places.size(); i++) {
            const TreeNode<T> *node = places[i];
            if (!node) continue;
            if (++nodes > NODES_MAX)
                throw Wrong{repeats(places) ? "the result has a cycle, or a node with two parents"
                                            : "a tree of the result is too large: more than 1000000 nodes"};
            places.push_back(node->left);
            places.push_back(node->right);
        }
        while (!places.empty() && !places.back()) places.pop_back();
        to.word(std::to_string(places.size()));
        for (const TreeNode<T> *node : places) {
            to.word(node ? "1" : "0");
            if (node) Codec<T>::write(node->val, to);
        }
    }
};

}  // namespace cupel_driver
