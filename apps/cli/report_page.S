/* The page of `crossrank eval --report` as read-only data. It is looked for along -I. */

        .section .rodata.crossrank_report, "a", %progbits
        .globl  crossrank_report_page
        .hidden crossrank_report_page
        .type   crossrank_report_page, %object
crossrank_report_page:
        .incbin "report/dist/report.html"
crossrank_report_page_end:
        .globl  crossrank_report_page_end
        .hidden crossrank_report_page_end
        .size   crossrank_report_page, crossrank_report_page_end - crossrank_report_page

        .section .note.GNU-stack, "", %progbits
