/* main.c - parse, wire, run; no logic. */
int
main(void)
{
    return 0;
}
