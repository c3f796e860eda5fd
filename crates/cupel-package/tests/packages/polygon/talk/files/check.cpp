// The interactor's output is the number that the submission found.
#include "testlib.h"

int main(int argc, char* argv[]) {
    registerTestlibCmd(argc, argv);
    int found = ouf.readInt(1, 1000, "found");
    int expected = ans.readInt();
    if (found != expected) quitf(_wa, "%d was found, and it is %d", found, expected);
    quitf(_ok, "%d", found);
}
