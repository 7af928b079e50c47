/* The files of the builtin model as read-only data. The files are looked for along -I. */

        .macro embed name, file
        .balign 64
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

        .section .rodata.crossrank_builtin, "a", %progbits
        embed crossrank_builtin_config, config.json
        embed crossrank_builtin_tokenizer, tokenizer.json
        embed crossrank_builtin_tokenizer_config, tokenizer_config.json
        embed crossrank_builtin_special_tokens_map, special_tokens_map.json
        embed crossrank_builtin_weights, model.safetensors

        .section .note.GNU-stack, "", %progbits
