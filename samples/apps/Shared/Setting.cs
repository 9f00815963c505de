namespace Samples.Apps;

/// <summary>A value of the command line, known once the app runs.</summary>
internal sealed class Setting<T>(Func<T> value)
{
    public T Value => value();
}
