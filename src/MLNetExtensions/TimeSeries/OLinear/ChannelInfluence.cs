namespace MLNetExtensions.TimeSeries;

/// <summary>How much each channel listens to each other one, in the mixing matrices of OLinear (the paper's NormLin): positive weights that sum to 1 in each row.</summary>
public sealed class ChannelInfluence
{
    internal ChannelInfluence(IReadOnlyList<string> channelNames, IReadOnlyList<double[,]> layers)
    {
        ChannelNames = channelNames;
        Layers = layers;
    }

    /// <summary>The names of the channels, in the order of rows and columns.</summary>
    public IReadOnlyList<string> ChannelNames { get; }

    /// <summary>The matrix of each encoder layer: in row i and column j the weight of channel j for channel i.</summary>
    public IReadOnlyList<double[,]> Layers { get; }
}
