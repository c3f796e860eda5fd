// Answers "? x" with "<", ">" or "=" up to 10 times; "! x" ends the conversation.
#include "testlib.h"

int main(int argc, char* argv[]) {
    registerInteraction(argc, argv);
    int number = inf.readInt();
    for (int asked = 0; asked <= 10; asked++) {
        std::string what = ouf.readToken("[?!]", "what");
        int given = ouf.readInt(1, 1000, "number");
        if (what == "!") {
            tout << given << std::endl;
            quitf(_ok, "after %d questions", asked);
        }
        std::cout << (number < given ? "<" : number > given ? ">" : "=") << std::endl;
    }
    quitf(_wa, "more than 10 questions");
}
