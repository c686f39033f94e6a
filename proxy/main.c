#include <stdio.h>

int main(void)
{
    puts("mailferry " MAILFERRY_VERSION);
    return 0;
}
