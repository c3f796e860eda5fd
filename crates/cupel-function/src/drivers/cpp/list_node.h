template <class T>
struct ListNode {
    T val;
    ListNode *next;
    ListNode() : val(), next(nullptr) {}
    ListNode(T val) : val(val), next(nullptr) {}
    ListNode(T val, ListNode *next) : val(val), next(next) {}
};

namespace cupel_driver {

template <class T>
struct Codec<ListNode<T> *> {
    static ListNode<T> *read(Reader &in) {
        ListNode<T> *first = nullptr;
        ListNode<T> **last = &first;
        for (long long count = in.integer(); count > 0; count--) {
            *last = new ListNode<T>(Codec<T>::read(in));
            last = &(*last)->next;
        }
        return first;
    }
    static void write(const ListNode<T> *node, Writer &to) {
        std::vector<const ListNode<T> *> nodes;
        for (; node; node = node->next) {
            nodes.push_back(node);
            if (nodes.size() > NODES_MAX)
                throw Wrong{repeats(nodes) ? "the result has a cycle"
                                           : "a list of the result is too long: more than 1000000 nodes"};
        }
        to.word(std::to_string(nodes.size()));
        for (const ListNode<T> *each : nodes) Codec<T>::write(each->val, to);
    }
};

}  // namespace cupel_driver
