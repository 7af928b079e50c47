/* The server's files as read-only data. They are looked for along -I. */

        .macro embed name, file
        .globl  \name
        .hidden \name
        .type   \name, %object
\name:
        .incbin "\file"
\name\()_end:
        .globl  \name\()_end
        .hidden \name\()_end
        .size   \name, \name\()_end - \name
        .endm

        .section .rodata.crossrank_server, "a", %progbits
        embed crossrank_server_page, web/dist/index.html
        embed crossrank_server_policy, web/dist/csp.txt
        embed crossrank_server_openapi, openapi.json

        .section .note.GNU-stack, "", %progbits
