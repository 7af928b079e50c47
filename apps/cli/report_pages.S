/* The pages of `crossrank eval --report` and `crossrank calibrate --report` as read-only data. They
   are looked for along -I. */

        .macro  page name, file
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

        .section .rodata.crossrank_report, "a", %progbits
        page    crossrank_report_page, "report/dist/report.html"
        page    crossrank_calibration_page, "report/dist/calibration.html"

        .section .note.GNU-stack, "", %progbits
