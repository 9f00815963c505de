namespace MLNetExtensions;

/// <summary>
/// Tells notebooks how to show a type. Their kernel looks for an attribute of this name, whatever its assembly, and reads <see cref="FormatterSourceType"/>: nothing of the kernel is needed here.
/// </summary>
/// <param name="formatterSourceType">The type whose <c>CreateTypeFormatters</c> returns the formatters.</param>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class TypeFormatterSourceAttribute(Type formatterSourceType) : Attribute
{
    /// <summary>The type whose <c>CreateTypeFormatters</c> returns the formatters.</summary>
    public Type FormatterSourceType { get; } = formatterSourceType;
}
