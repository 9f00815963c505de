namespace MLNetExtensions.Tests.Architecture;

/// <summary>A type of the library uses something.</summary>
/// <param name="From">The type.</param>
/// <param name="File">The file that declares it, below src/MLNetExtensions, with slashes.</param>
/// <param name="To">What it uses: a type, or a member with its type.</param>
/// <param name="ToFile">The file that declares that, where it is of the library.</param>
/// <param name="ToAssembly">The assembly that holds it.</param>
/// <param name="IsInternal">Whether it is of another assembly and not public there.</param>
internal sealed record Reference(string From, string File, string To, string? ToFile, string ToAssembly, bool IsInternal = false)
{
    public override string ToString() => $"{File}: {From} uses {To}{(ToFile is null ? $" of {ToAssembly}" : $" in {ToFile}")}";
}
