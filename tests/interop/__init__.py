"""The built program against real servers and clients, and against scripted ones.

Where each hazard that mailferry has to survive is tried, D1 to P4. POP3 is for POP3 clients on an IMAP
upstream, IMAP for the other direction; a name is a module here, `unit/` and `dialogues/` are the
folders beside this one, and what stands in both columns is in common code.

      POP3                                      IMAP
D1    deletion, dialogues/*gone*                unit/test_account_cut
D2    deletion, dialogues/no-uidplus            (a POP3 session marks its own alone)
D3    deletion, dialogues/quit-partly           imap_upstream_faults.Deletion
D4    faults.InsideAMessage                     imap_upstream_faults.Leaves, imap_tls.Stls
D5    faults.InsideAMessage                     imap_upstreams.Sizes
D6    deletion, pop3_sessions.AtOnce            imap_clients.TwoSessions
D7    dialogues/uidvalidity-changed             imap_upstreams.Uidls (all UIDLs new)
D8                                              unit/test_account_delete, imap_random
D9                                              imap_upstream_faults.Deletion
D10                                             imap_upstreams.Uidls
D11                                             imap_upstreams.Uidls, unit/test_box_listing
D12   dialogues/all-vanished                    imap_upstream_faults.Listings
D13                                             imap_hostile.Appended, unit/test_mailbox_append
D14                                             unit/test_box_state, imap_random
D15   dialogues/delete-keep-save-fails          unit/test_account_journal, unit/test_bodies
D16   unit/test_account_journal, kept_state     unit/test_box_state, unit/test_uncut_journals
D17   process.State                             process.State
D18   dialogues/delete-keep-days-clock-jumps    unit/test_box_state
D19   dialogues/delete-keep-days
B1-B4 retr_exact, dialogues/dots, line-ends     imap_fetch, imap_pop3_servers
I1    faults.AtLogin                            imap_hostile.Credentials
I2    dialogues/folder-by-login-hostile         imap_hostile.Names
I3    faults.AtLogin                            imap_upstreams.Odd
I4    faults.Answers                            unit/test_pop3_client
T1-T6 tls, faults.Starttls, .Certificates       tls, imap_tls
T7    process.Configuration, reload, tls.Names  reload
A1    passwords.AcrossANetwork                  imap_tls.AcrossANetwork
A2    passwords.Sasl                            imap_hostile.Credentials
A3    unit/test_throttle                        unit/test_throttle
      dialogues/login-attempts                  imap_hostile.Credentials
      device_passwords.Guessing, held.Devices
A4    guesses, unit/test_gatekeeper             guesses, unit/test_gatekeeper
      held.Scrams, dialogues/route-refused
A5    warm.AtAFake                              imap_clients.TwoSessions
A6    cores, passwords.Logs                     cores, passwords.Logs
      (and at the end of every test: secrecy)
R1-R2 dialogues/long-line                       imap_hostile.Exhaustion
R3                                              imap_hostile.Exhaustion
R4    crowd, process.Sessions                   crowd, imap_hostile.Exhaustion
R5-R6 streaming, pop3_sessions.Compressing      imap_costs, streaming.TakesNothing
R7                                              imap_hostile.Exhaustion
R8    descriptors, unit/test_descriptors,       descriptors, unit/test_account_let_go
      unit/test_listener
U1    faults.AtLogin, unit/test_connector       imap_upstream_faults.Leaves
U2    faults.AtLogin                            imap_upstreams.Logins, imap_upstream_faults.Leaves
U3    faults.Answers                            (POP3 answers come in order)
U4    faults.Later                              imap_upstreams.CanLess
U5                                              imap_upstreams.CanLess, imap_pop3_servers
U6                                              imap_upstreams.Odd
U7    dialogues/upstream-codes                  imap_clients.Locked, imap_upstreams.Logins
U8    dialogues/*-while-idle                    imap_upstream_faults.Leaves
P1    pop3_sessions.Killed                      imap_random
P2    process.Signals                           imap_upstream_faults.Moves
P3    reload                                    reload
P4    process.State                             process.State

What lets clients and the gateway in, and is none of these hazards, has its own: device_passwords,
passwd, authorize, revocation, held, external, sasl, channel_binding (which has somebody in between
with a trusted certificate), oauth, token_expiry, token_trouble.
"""
