namespace MLNetExtensions;

/// <summary>A column of a <see cref="ResultTable"/>, for people.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Text">What stands in a row.</param>
/// <param name="Value">The number in a row; NaN where there is none.</param>
internal sealed record ResultColumn(string Name, Func<int, string> Text, Func<int, double> Value);
