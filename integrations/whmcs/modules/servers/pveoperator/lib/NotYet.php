<?php
/** Accepted and under way: nothing is wrong, and it goes on by itself. */

namespace PveOperator;

final class NotYet extends Refusal
{
}
