/*
 * What the process asks of the system before it serves anyone.
 */
#ifndef PROXY_PROCESS_H
#define PROXY_PROCESS_H

/* As many descriptors as we may have; no death by SIGPIPE; no core file with passwords in it
 * (CASES A6, P2, R8). Before threads start. */
void process_prepare(void);

/* Cores that this process may use. */
unsigned process_cores(void);

#endif
