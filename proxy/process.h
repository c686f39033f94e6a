/*
 * What the process asks of the system, and gives back to it.
 */
#ifndef PROXY_PROCESS_H
#define PROXY_PROCESS_H

/* Before anything is opened: descriptors 0 to 2 that we were started without lead nowhere from now
 * on. What is opened next would get their numbers, and what is said to people would go there (CASES
 * P2). */
void process_fill_standard(void);

/* As many descriptors as we may have; no death by SIGPIPE; no core file with passwords in it
 * (CASES A6, P2, R8); and what must be set up before threads start, which is after this. */
void process_prepare(void);

/* Gives memory that is free back to the system; takes some milliseconds. From any thread. */
void process_trim(void);

/* Cores that this process may use. */
unsigned process_cores(void);

#endif
